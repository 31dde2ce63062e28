/** The border of a mask as the edges between its pixels and the others. */

/** Lines from (x0, y0) to (x1, y1) in image pixels, four numbers each; edges in a row are one line. */
export function edgesOf(bitmap: Uint8Array, columns: number, rows: number): number[] {
  const edges: number[] = [];
  const at = (x: number, y: number) =>
    x < 0 || y < 0 || x >= columns || y >= rows ? 0 : (bitmap[y * columns + x] ?? 0);
  for (let y = 0; y <= rows; y++) {
    for (let x = 0, start = -1; x <= columns; x++) {
      const isEdge = x < columns && at(x, y) !== at(x, y - 1);
      if (isEdge && start < 0) start = x;
      if (isEdge || start < 0) continue;
      edges.push(start, y, x, y);
      start = -1;
    }
  }
  for (let x = 0; x <= columns; x++) {
    for (let y = 0, start = -1; y <= rows; y++) {
      const isEdge = y < rows && at(x, y) !== at(x - 1, y);
      if (isEdge && start < 0) start = y;
      if (isEdge || start < 0) continue;
      edges.push(x, start, x, y);
      start = -1;
    }
  }
  return edges;
}
