import type { Koffi } from "./load-koffi.js";

/** Names as C has them: an array of addresses of strings that end in a zero byte. Valid as long as this object lives. */
export class NativeNames {
  readonly addresses: BigUint64Array;
  /** Holds the bytes, so that nobody moves them. */
  readonly #bytes: Uint8Array;

  constructor(koffi: Koffi, names: readonly string[]) {
    const encoded = names.map((name) => new TextEncoder().encode(`${name}\0`));
    this.#bytes = new Uint8Array(encoded.reduce((sum, { length }) => sum + length, 0));
    this.addresses = new BigUint64Array(names.length);
    let offset = 0;
    const start = names.length === 0 ? 0n : koffi.address(this.#bytes);
    encoded.forEach((name, i) => {
      this.#bytes.set(name, offset);
      this.addresses[i] = start + BigInt(offset);
      offset += name.length;
    });
  }

  get count(): number {
    return this.addresses.length;
  }
}
