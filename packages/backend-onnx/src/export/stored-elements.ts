import type { LazyValue } from "../graph/lazy-value.js";
import type { HostArray } from "../runtime/element-type.js";

/** What a model stores of the tensors that its function reads. */
export interface StoredElements {
  /** Each distinct one once. */
  readonly values: readonly LazyValue[];
  readonly elements: ReadonlyMap<LazyValue, HostArray>;
  /** Tensors with the elements of another one in the same shape. */
  readonly equals: ReadonlyMap<LazyValue, LazyValue>;
  /** Tensors that are read in a shape other than the stored one. */
  readonly views: ReadonlyMap<LazyValue, LazyValue>;
}

/**
 * Decides what to store, so that no weight is stored twice: one that is read in several shapes is reshaped in the model,
 * and unnamed tensors with equal elements are one.
 *
 * @param feeds - Tensors that the function reads, computed.
 * @param names - Names of some of them.
 */
export async function storeElements(
  feeds: readonly LazyValue[],
  names: ReadonlyMap<LazyValue, string>,
): Promise<StoredElements> {
  // A named one is stored in the shape that its name stands for, others in the first that is read.
  const chosen = new Map([...names.keys()].map((value) => [value.base ?? value, value]));
  for (const feed of feeds) {
    const base = feed.base ?? feed;
    chosen.set(base, chosen.get(base) ?? feed);
  }
  const rootOf = (feed: LazyValue) => chosen.get(feed.base ?? feed)!;
  const roots = new Set(feeds.map(rootOf));
  const elements = new Map<LazyValue, HostArray>();
  const equals = new Map<LazyValue, LazyValue>();
  const unnamed = new Map<string, LazyValue[]>();
  for (const root of roots) {
    const array = root.resident!.host ?? (await root.resident!.download());
    if (!names.has(root)) {
      const kind = `${root.type}[${root.shape.join()}]`;
      const alike = unnamed.get(kind) ?? [];
      unnamed.set(kind, alike);
      const same = alike.find((other) => haveEqualBytes(elements.get(other)!, array));
      if (same !== undefined) {
        equals.set(root, same);
        continue;
      }
      alike.push(root);
    }
    elements.set(root, array);
  }
  const views = new Map(
    feeds.flatMap((feed) => {
      const root = rootOf(feed);
      return root === feed ? [] : [[feed, equals.get(root) ?? root] as const];
    }),
  );
  return { values: [...elements.keys()], elements, equals, views };
}

function haveEqualBytes(a: HostArray, b: HostArray): boolean {
  const [first, second] = [a, b].map(
    ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength),
  );
  return first!.length === second!.length && first!.every((byte, i) => byte === second![i]);
}
