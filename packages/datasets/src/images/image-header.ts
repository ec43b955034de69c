import { DataError, type Limits } from "@mmgen/core";

/** What an image file says of itself before its pixels. */
export interface ImageHeader {
  readonly format: "PNG" | "JPEG" | "WebP";
  readonly width: number;
  readonly height: number;
  /** Without color: one channel, with or without alpha. */
  readonly isGray: boolean;
  /** Of each channel as stored. */
  readonly bits: number;
  /** Bytes of the decoded image. */
  readonly bytes: number;
}

/**
 * Reads the size of a PNG, JPEG or WebP image without decoding it.
 *
 * @throws a {@link DataError} when the bytes are of another format or too few to say it.
 */
export function readImageHeader(bytes: Uint8Array): ImageHeader {
  const start = String.fromCharCode(...bytes.subarray(0, 16));
  if (start.startsWith("\x89PNG\r\n\x1a\n")) {
    return pngHeader(bytes);
  }
  if (start.startsWith("\xff\xd8\xff")) {
    return jpegHeader(bytes);
  }
  if (/^RIFF.{4}WEBP/s.test(start)) {
    return webpHeader(bytes);
  }
  throw new DataError(bytes.length === 0 ? "empty" : "neither PNG nor JPEG nor WebP by its content");
}

/** Throws {@link DataError} for an image beyond `pixels` or `inflatedBytes`. */
export function checkImageSize({ width, height, bytes }: ImageHeader, limits: Limits): void {
  if (width * height > limits.pixels) {
    throw new DataError(
      `expected at most ${limits.pixels} pixels (limits.pixels), got ${width} × ${height}. Resize it, or raise the limit`,
    );
  }
  if (bytes > limits.inflatedBytes) {
    throw new DataError(
      `expected at most ${limits.inflatedBytes} bytes of pixels (limits.inflatedBytes), got ${bytes}. Resize it, or raise the limit`,
    );
  }
}

/** Channels of a PNG color type: gray, RGB, palette, gray and alpha, RGB and alpha. */
export const pngChannels: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

// https://www.w3.org/TR/png-3/#11IHDR
function pngHeader(bytes: Uint8Array): ImageHeader {
  const view = viewOf(bytes);
  if (bytes.length < 33 || view.getUint32(8) !== 13 || view.getUint32(12) !== 0x49484452) {
    throw new DataError("not readable (a PNG file has to begin with its header, IHDR)");
  }
  const bits = bytes[24]!;
  const colorType = bytes[25]!;
  const channels = pngChannels[colorType];
  if (channels === undefined) {
    throw new DataError(`not readable (color type ${colorType} is none of PNG)`);
  }
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  checkSides(width, height, 2 ** 31 - 1);
  const isGray = colorType === 0 || colorType === 4;
  const stored = colorType === 3 ? 4 : channels + (isGray || colorType === 2 ? 1 : 0);
  return { format: "PNG", width, height, isGray, bits, bytes: width * height * stored * (bits === 16 ? 2 : 1) };
}

// ITU-T T.81, annex B; markers without a length are 01 and D0 … D9.
function jpegHeader(bytes: Uint8Array): ImageHeader {
  const view = viewOf(bytes);
  let at = 2;
  while (at + 4 <= bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1]!;
    if (marker === 0xff) {
      at++;
    } else if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
      at += 2;
    } else if (marker === 0xda || marker === 0xd9) {
      break;
    } else if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      if (at + 10 > bytes.length) {
        break;
      }
      const [bits, height, width, channels] = [
        bytes[at + 4]!,
        view.getUint16(at + 5),
        view.getUint16(at + 7),
        bytes[at + 9]!,
      ];
      checkSides(width, height, 65_535);
      return { format: "JPEG", width, height, isGray: channels === 1, bits, bytes: width * height * channels };
    } else {
      at += 2 + view.getUint16(at + 2);
    }
  }
  throw new DataError("not readable (a JPEG file without a frame header)");
}

// https://developers.google.com/speed/webp/docs/riff_container
function webpHeader(bytes: Uint8Array): ImageHeader {
  const view = viewOf(bytes);
  if (bytes.length < 30) {
    throw new DataError("not readable (a WebP file without a header)");
  }
  const chunk = String.fromCharCode(...bytes.subarray(12, 16));
  const three = (at: number) => bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
  let [width, height] = [0, 0];
  if (chunk === "VP8X") {
    [width, height] = [1 + three(24), 1 + three(27)];
  } else if (chunk === "VP8L" && bytes[20] === 0x2f) {
    const packed = view.getUint32(21, true);
    [width, height] = [1 + (packed & 0x3fff), 1 + ((packed >>> 14) & 0x3fff)];
  } else if (chunk === "VP8 " && three(23) === 0x2a019d) {
    [width, height] = [view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff];
  } else {
    throw new DataError("not readable (a WebP file without a header)");
  }
  checkSides(width, height, 2 ** 24);
  return { format: "WebP", width, height, isGray: false, bits: 8, bytes: width * height * 4 };
}

function checkSides(width: number, height: number, max: number): void {
  if (Math.min(width, height) < 1 || Math.max(width, height) > max) {
    throw new DataError(`not readable (sides of ${width} × ${height} pixels, expected 1 to ${max})`);
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
