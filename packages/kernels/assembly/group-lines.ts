// Which group each line belongs to. Twin of kernels/reference/nearest-groups.ts.

/** `lines`: `count` lines of `span` floats; `costs`: `span` times eight floats, one for each group; the cheapest group of each line, a byte, to `output`. */
export function nearestGroups(lines: usize, count: i32, span: i32, costs: usize, output: usize): void {
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
    store<u8>(output++, best);
  }
}
