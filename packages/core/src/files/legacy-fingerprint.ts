/**
 * The fingerprint that files of before the first release hold, 32 hexadecimal digits: for reading them alone.
 *
 * Four lanes of multiplicative hashing over 32-bit words.
 */
export function legacyFingerprint(parts: Iterable<Uint8Array>): string {
  // Four numbers, not an array: this runs over all of a model's weights.
  let a = 0x9e3779b1 | 0;
  let b = 0x85ebca77 | 0;
  let c = 0xc2b2ae3d | 0;
  let d = 0x27d4eb2f | 0;
  // Mixes a word into every lane, each with its own multiplier and with what its neighbor holds.
  const absorb = (word: number) => {
    const next = mix(b ^ Math.imul(a ^ word, 597399067));
    b = mix(c ^ Math.imul(b ^ word, 2869860233 | 0));
    c = mix(d ^ Math.imul(c ^ word, 951274213));
    d = mix(a ^ Math.imul(d ^ word, 2716044179 | 0));
    a = next;
  };
  for (const part of parts) {
    absorb(part.length);
    const view = new DataView(part.buffer, part.byteOffset, part.byteLength);
    const words = part.length >>> 2;
    for (let i = 0; i < words; i++) {
      absorb(view.getUint32(4 * i, true));
    }
    let rest = 0;
    for (let i = 4 * words; i < part.length; i++) {
      rest = (rest << 8) | part[i]!;
    }
    absorb(rest);
  }
  for (let round = 0; round < 8; round++) {
    absorb(round);
  }
  return Array.from([a, b, c, d], (lane) => (lane >>> 0).toString(16).padStart(8, "0")).join("");
}

function mix(value: number): number {
  return Math.imul(value ^ (value >>> 15), 0x2c1b3c6d) ^ (value >>> 13);
}

/** Whether an id that was read is one of {@link legacyFingerprint}. */
export function isLegacyFingerprint(id: unknown): boolean {
  return typeof id === "string" && /^[0-9a-f]{32}$/.test(id);
}
