import type { Matrix } from '../matrix.ts';
import { asFloats, type Seeing } from '../sight.ts';

/** A value of the graph. @param axis  its columns: 1, or the last as -1; absent: it has a single one */
export function valueItself(name: string, axis: number | undefined): Seeing {
  if (axis !== undefined && axis !== 1 && axis !== -1) return `axis ${axis}: columns are axis 1 or the last one, -1`;
  return {
    key: `${name} ${axis ?? 'whole'}`,
    groups: 1,
    columns: axis === undefined ? 1 : undefined,
    look: (place) => ({
      value: name,
      matrix(): Matrix {
        const value = asFloats(place, name);
        if (axis === undefined) return { name: place.reshape(value, [1, -1, 1]), columnsFirst: false };
        if (axis === -1) return { name: place.unsqueeze(place.add('Flatten', [value], { axis: -1 }), [0]), columnsFirst: false };
        const channels = place.add('Transpose', [place.reshape(value, [0, 0, -1])], { perm: [1, 0, 2] });
        return { name: place.unsqueeze(place.reshape(channels, [0, -1]), [0]), columnsFirst: true };
      },
    }),
  };
}
