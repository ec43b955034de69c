import { kernel } from "./kernel.js";

/** `[rows, words]` int32, each with four bytes from its lowest bits on, gives the first bytes of each row, int32. */
export const unpackBytes = kernel<{ readonly rowLength: number }>(
  "MmgenUnpackBytes",
  ({ input, attrs: { rowLength }, graph }) => {
    const words = input("words");
    const [rows, perRow] = words.shape as [number, number];
    const bits = graph.rawCast(graph.reshape(words, [rows, perRow, 1]), "uint32");
    // Each byte moves to the top, and from there to the bottom: a provider may have no other shift.
    const factors = graph.constant("uint32", [1, 1, 4], [2 ** 24, 2 ** 16, 2 ** 8, 1]);
    const bytes = graph.div(graph.mul(bits, factors), graph.scalar("uint32", 2 ** 24));
    const all = graph.reshape(graph.rawCast(bytes, "int32"), [rows, 4 * perRow]);
    return 4 * perRow === rowLength ? all : graph.slice(all, [0, 0], [rows, rowLength]);
  },
);
