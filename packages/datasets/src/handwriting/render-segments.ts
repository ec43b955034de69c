import type { Segments } from "./segments.js";

/** Height and width of a drawn digit, in pixels. */
export const side = 28;

/** MNIST's digits were scaled to fit a square of this many pixels before they were centered. */
const inkBox = 20;

// Scratch memory, overwritten by each image.
const distances = new Float32Array(side * side);
const ink = new Uint8Array(side * side);

/**
 * Renders segments as ink of even thickness, antialiased by each pixel's distance to the stroke.
 *
 * As in MNIST the ink fits a box of 20 × 20 pixels, its proportions kept, and the box is moved by whole pixels to
 * where the ink's center of mass is nearest to the image's center.
 *
 * @param radius - Half the stroke's thickness in pixels.
 * @param edge - Width in pixels over which ink fades into paper.
 * @param out - `[28, 28]`, overwritten: 0 paper, 255 ink.
 */
export function renderSegments(segments: Segments, radius: number, edge: number, out: Uint8Array): void {
  measureDistances(fitToBox(segments, radius), radius + edge / 2);
  for (let i = 0; i < ink.length; i++) {
    const share = (radius + edge / 2 - Math.sqrt(distances[i]!)) / edge;
    ink[i] = share >= 1 ? 255 : Math.round(255 * share);
  }
  centerInk(out);
}

/** Fills `distances` with the squared distance of each pixel to its nearest segment, at most `reach` squared. */
function measureDistances(segments: Segments, reach: number): void {
  distances.fill(reach * reach);
  for (let i = 0; i < segments.length; i += 4) {
    const x0 = segments[i]!;
    const y0 = segments[i + 1]!;
    const dx = segments[i + 2]! - x0;
    const dy = segments[i + 3]! - y0;
    const inverse = 1 / Math.max(dx * dx + dy * dy, 1e-9);
    const left = Math.max(0, Math.ceil(Math.min(x0, x0 + dx) - reach));
    const right = Math.min(side - 1, Math.floor(Math.max(x0, x0 + dx) + reach));
    const top = Math.max(0, Math.ceil(Math.min(y0, y0 + dy) - reach));
    const bottom = Math.min(side - 1, Math.floor(Math.max(y0, y0 + dy) + reach));
    for (let y = top; y <= bottom; y++) {
      for (let x = left; x <= right; x++) {
        const along = ((x - x0) * dx + (y - y0) * dy) * inverse;
        const clamped = along < 0 ? 0 : along > 1 ? 1 : along;
        const offX = x - x0 - clamped * dx;
        const offY = y - y0 - clamped * dy;
        const distance = offX * offX + offY * offY;
        if (distance < distances[y * side + x]!) {
          distances[y * side + x] = distance;
        }
      }
    }
  }
}

/** Scales the ink to its box, the box in the middle of the image; pixel i covers i − 0.5 to i + 0.5. */
function fitToBox(segments: Segments, radius: number): Segments {
  let left = Infinity;
  let right = -Infinity;
  let top = Infinity;
  let bottom = -Infinity;
  for (let i = 0; i < segments.length; i += 2) {
    left = Math.min(left, segments[i]!);
    right = Math.max(right, segments[i]!);
    top = Math.min(top, segments[i + 1]!);
    bottom = Math.max(bottom, segments[i + 1]!);
  }
  const scale = (inkBox - 2 * radius) / Math.max(right - left, bottom - top, 1e-6);
  const middle = (side - 1) / 2;
  return segments.map((value, i) => middle + scale * (value - (i % 2 === 0 ? left + right : top + bottom) / 2));
}

/** Copies `ink` to `out`, moved by whole pixels; never beyond the image, as the box leaves four on each side. */
function centerInk(out: Uint8Array): void {
  let mass = 0;
  let massX = 0;
  let massY = 0;
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const value = ink[y * side + x]!;
      mass += value;
      massX += value * x;
      massY += value * y;
    }
  }
  const moveX = clampMove(Math.round(side / 2 - massX / mass));
  const moveY = clampMove(Math.round(side / 2 - massY / mass));
  out.fill(0);
  for (let y = Math.max(0, -moveY); y < Math.min(side, side - moveY); y++) {
    for (let x = Math.max(0, -moveX); x < Math.min(side, side - moveX); x++) {
      out[(y + moveY) * side + x + moveX] = ink[y * side + x]!;
    }
  }
}

function clampMove(move: number): number {
  const spare = (side - inkBox) / 2;
  return Math.max(-spare, Math.min(spare, move));
}
