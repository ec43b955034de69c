import { encode } from "fast-png";
import type { PixelImage } from "./pixels.js";

/** The bytes of a PNG file that holds exactly these pixels, 8 bits a channel. Runs in browsers too. */
export function encodePng(image: PixelImage): Uint8Array {
  return encode({ ...image, depth: 8 });
}

/** A `data:` address that holds the bytes. */
export function dataUri(bytes: Uint8Array, mediaType: string): string {
  const pieces: string[] = [];
  // In pieces, as a call takes only so many arguments.
  for (let start = 0; start < bytes.length; start += 0x8000) {
    pieces.push(String.fromCharCode(...bytes.subarray(start, start + 0x8000)));
  }
  return `data:${mediaType};base64,${btoa(pieces.join(""))}`;
}
