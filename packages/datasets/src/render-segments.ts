import type { Segments } from "./handwriting.js";

/**
 * Draws segments as ink of even thickness, antialiased by each pixel's distance to the stroke.
 *
 * As in MNIST the ink fits a box of 20 × 20 pixels, its proportions kept, and its centre of mass lies in the
 * middle of the picture.
 *
 * @param radius - Half the stroke's thickness in pixels.
 * @param edge - Width in pixels over which ink fades into paper.
 * @param out - `[28, 28]`, overwritten: 0 paper, 255 ink.
 */
export function renderSegments(segments: Segments, radius: number, edge: number, out: Uint8Array): void {
  const placed = placeSegments(segments, radius);
  const reach = radius + edge / 2;
  distances.fill(reach * reach);
  for (let i = 0; i < placed.length; i += 4) {
    const x0 = placed[i]!;
    const y0 = placed[i + 1]!;
    const dx = placed[i + 2]! - x0;
    const dy = placed[i + 3]! - y0;
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
  for (let i = 0; i < distances.length; i++) {
    const ink = (reach - Math.sqrt(distances[i]!)) / edge;
    out[i] = ink >= 1 ? 255 : Math.round(255 * ink);
  }
}

/** Height and width of a drawn digit, in pixels. */
export const side = 28;
const inkBox = 20;
const distances = new Float32Array(side * side);

/** Scales the ink to its box and moves its centre of mass to the picture's centre; pixel i's centre is at i. */
function placeSegments(segments: Segments, radius: number): Segments {
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
  let mass = 1e-9;
  let massX = 0;
  let massY = 0;
  for (let i = 0; i < segments.length; i += 4) {
    const x0 = segments[i]!;
    const y0 = segments[i + 1]!;
    const x1 = segments[i + 2]!;
    const y1 = segments[i + 3]!;
    const length = Math.hypot(x1 - x0, y1 - y0);
    mass += length;
    massX += (length * (x0 + x1)) / 2;
    massY += (length * (y0 + y1)) / 2;
  }
  const middle = (side - 1) / 2;
  const moveX = keepInside(middle - (scale * massX) / mass, scale * left - radius, scale * right + radius);
  const moveY = keepInside(middle - (scale * massY) / mass, scale * top - radius, scale * bottom + radius);
  return segments.map((value, i) => scale * value + (i % 2 === 0 ? moveX : moveY));
}

/** The move nearest to the one wished that keeps `[low, high]` on the picture. */
function keepInside(move: number, low: number, high: number): number {
  return Math.max(-low, Math.min(side - 1 - high, move));
}
