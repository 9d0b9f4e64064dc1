// Lines of counts sorted into eight groups of alike distributions. Twin of kernels/reference/group-lines.ts, which says how.

/** About log2, straight through powers of two. */
// @ts-ignore: decorator
@inline
function logarithm(value: f32): f32 {
  const bits = reinterpret<i32>(value);
  const mantissa = reinterpret<f32>((bits & 0x7fffff) | 0x3f800000);
  return <f32>((bits >> 23) - 127) + ((<f32>-1 / 3 * mantissa + 2) * mantissa - <f32>5 / 3);
}

/** `costs`: room for `span` times eight floats. `groups` groups, of which each line has one in `assigned` already. */
export function groupLines(lines: usize, count: i32, span: i32, groups: i32, rounds: i32, little: usize, costs: usize, assigned: usize): void {
  for (let round: i32 = 0; round < rounds; round++) {
    sumGroups(lines, count, span, costs, assigned);
    for (let group: i32 = 0; group < 8; group++) price(span, group < groups, little, costs + (<usize>group << 2));
    assign(lines, count, span, costs, assigned);
  }
}

function sumGroups(lines: usize, count: i32, span: i32, costs: usize, assigned: usize): void {
  memory.fill(costs, 0, <usize>span << 5);
  for (let line: i32 = 0; line < count; line++) {
    let at = costs + (<usize>load<u8>(assigned + line) << 2);
    for (let k: i32 = 0; k < span; k++, at += 32, lines += 4) store<f32>(at, load<f32>(at) + load<f32>(lines));
  }
}

/** From sums to what a symbol costs in a group; in one that does not exist, more than anything. */
function price(span: i32, exists: bool, little: usize, costs: usize): void {
  let sum: f32 = 8;
  for (let k: i32 = 0; k < span; k++) sum += load<f32>(costs + (<usize>k << 5));
  const whole = logarithm(sum);
  for (let k: i32 = 0; k < span; k++) {
    const at = costs + (<usize>k << 5);
    store<f32>(at, exists ? whole - logarithm(load<f32>(at) + load<f32>(little + (<usize>k << 2))) : 1e9);
  }
}

function assign(lines: usize, count: i32, span: i32, costs: usize, assigned: usize): void {
  const end = costs + (<usize>span << 5);
  for (let line: i32 = 0; line < count; line++) {
    let low = f32x4.splat(0), high = f32x4.splat(0);
    for (let at = costs; at < end; at += 32) {
      const n = v128.load32_splat(lines);
      low = f32x4.add(low, f32x4.mul(n, v128.load(at)));
      high = f32x4.add(high, f32x4.mul(n, v128.load(at, 16)));
      lines += 4;
    }
    let best: u8 = 0;
    let least = f32x4.extract_lane(low, 0);
    if (f32x4.extract_lane(low, 1) < least) { least = f32x4.extract_lane(low, 1); best = 1; }
    if (f32x4.extract_lane(low, 2) < least) { least = f32x4.extract_lane(low, 2); best = 2; }
    if (f32x4.extract_lane(low, 3) < least) { least = f32x4.extract_lane(low, 3); best = 3; }
    if (f32x4.extract_lane(high, 0) < least) { least = f32x4.extract_lane(high, 0); best = 4; }
    if (f32x4.extract_lane(high, 1) < least) { least = f32x4.extract_lane(high, 1); best = 5; }
    if (f32x4.extract_lane(high, 2) < least) { least = f32x4.extract_lane(high, 2); best = 6; }
    if (f32x4.extract_lane(high, 3) < least) best = 7;
    store<u8>(assigned + line, best);
  }
}
