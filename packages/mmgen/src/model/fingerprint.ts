/**
 * A fingerprint of bytes, 32 hexadecimal digits: equal for equal parts, and for no two others that anybody meets.
 *
 * Four lanes of multiplicative hashing over 32-bit words. It tells files apart; it is no protection against forgery.
 */
export function fingerprint(parts: readonly Uint8Array[]): string {
  const lanes = Uint32Array.of(0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f);
  for (const part of parts) {
    absorbWord(lanes, part.length);
    const view = new DataView(part.buffer, part.byteOffset, part.byteLength);
    const words = part.length >>> 2;
    for (let i = 0; i < words; i++) {
      absorbWord(lanes, view.getUint32(4 * i, true));
    }
    let rest = 0;
    for (let i = 4 * words; i < part.length; i++) {
      rest = (rest << 8) | part[i]!;
    }
    absorbWord(lanes, rest);
  }
  for (let round = 0; round < 8; round++) {
    absorbWord(lanes, round);
  }
  return Array.from(lanes, (lane) => lane.toString(16).padStart(8, "0")).join("");
}

/** Mixes a word into every lane, each with its own multiplier and with what its neighbor holds. */
function absorbWord(lanes: Uint32Array, word: number): void {
  const [a, b, c, d] = lanes as unknown as [number, number, number, number];
  lanes[0] = mix(b ^ Math.imul(a ^ word, 597399067));
  lanes[1] = mix(c ^ Math.imul(b ^ word, 2869860233 | 0));
  lanes[2] = mix(d ^ Math.imul(c ^ word, 951274213));
  lanes[3] = mix(a ^ Math.imul(d ^ word, 2716044179 | 0));
}

function mix(value: number): number {
  return Math.imul(value ^ (value >>> 15), 0x2c1b3c6d) ^ (value >>> 13);
}
