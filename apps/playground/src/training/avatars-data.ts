import { sliceImages } from "@mmgen/core";
import { type AvatarPlan, avatarCaption, planAvatar } from "@mmgen/datasets";
import type { TrainingData } from "./training-plan.js";

const count = 1500;
const heldCount = 8;
const side = 32;
/** Avatars drawn before the page may do something else. */
const atOnce = 8;

/**
 * Cartoon portraits with captions, composed by DiceBear and drawn by the browser, which reads SVG on the page's thread only.
 *
 * @param onProgress - Told how many of how many are drawn.
 * @throws the signal's reason when it fires.
 */
export async function avatarsData(
  seed: number,
  { onProgress, signal }: { readonly onProgress: (drawn: number, of: number) => void; readonly signal: AbortSignal },
): Promise<TrainingData> {
  const { createAvatar } = await import("@dicebear/core");
  const micah = await import("@dicebear/micah");
  const plans: AvatarPlan[] = [
    ...Array.from({ length: count }, (_, i) => planAvatar(seed, "train", i)),
    ...Array.from({ length: heldCount }, (_, i) => planAvatar(seed, "test", i)),
  ];
  const data = new Uint8Array(plans.length * side * side * 3);
  for (let start = 0; start < plans.length; start += atOnce) {
    signal.throwIfAborted();
    const svgs = plans.slice(start, start + atOnce).map(({ options }) => createAvatar(micah, options).toString());
    data.set(await drawSvgs(svgs), start * side * side * 3);
    onProgress(Math.min(start + atOnce, plans.length), plans.length);
  }
  const images = { data, count: plans.length, height: side, width: side, channels: 3, maxValue: 255 };
  return {
    images: sliceImages(images, 0, count),
    captions: plans.slice(0, count).map(({ labels }) => avatarCaption(labels)),
    held: sliceImages(images, count, plans.length),
  };
}

/** Red, green and blue of drawings, `[count, side, side, 3]`. */
async function drawSvgs(svgs: readonly string[]): Promise<Uint8Array> {
  const drawings = await Promise.all(
    svgs.map(async (svg) => {
      const drawing = new Image(side, side);
      drawing.src = `data:image/svg+xml,${encodeURIComponent(svg)}`;
      await drawing.decode();
      return drawing;
    }),
  );
  const canvas = document.createElement("canvas");
  canvas.width = side;
  canvas.height = side * svgs.length;
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  for (const [i, drawing] of drawings.entries()) {
    context.drawImage(drawing, 0, i * side, side, side);
  }
  const rgba = context.getImageData(0, 0, canvas.width, canvas.height).data;
  return Uint8Array.from({ length: (rgba.length / 4) * 3 }, (_, i) => rgba[Math.floor(i / 3) * 4 + (i % 3)]!);
}
