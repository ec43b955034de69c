import { sliceImages } from "@mmgen/core";
import { type AvatarPlan, avatarCaption, planAvatar } from "@mmgen/datasets";
import { nextTask } from "../protocol/serve-requests.js";
import { keptAside } from "./kept-aside.js";
import type { TrainingData } from "./training-plan.js";

const count = 1500;
const heldCount = 8;
const side = 32;
/** Avatars of a drawing. Each drawing is a document for the browser: one an avatar slow the whole page down. */
const atOnce = 16;

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
    data.set(await drawSheet(svgs), start * side * side * 3);
    onProgress(Math.min(start + atOnce, plans.length), plans.length);
    // A drawing is decoded within the task that asks for it.
    await nextTask();
  }
  const images = { data, count: plans.length, height: side, width: side, channels: 3, maxValue: 255 };
  return {
    images: sliceImages(images, 0, count),
    captions: plans.slice(0, count).map(({ labels }) => avatarCaption(labels)),
    held: keptAside(images, count),
  };
}

/** Red, green and blue of drawings, `[count, side, side, 3]`, drawn as one, each below the other. */
async function drawSheet(svgs: readonly string[]): Promise<Uint8Array> {
  const [width, height] = [side, side * svgs.length];
  const placed = svgs.map((svg, i) => svg.replace("<svg ", `<svg y="${i * side}" width="${side}" height="${side}" `));
  const sheet = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${placed.join("")}</svg>`;
  const drawing = new Image(width, height);
  drawing.src = `data:image/svg+xml,${encodeURIComponent(sheet)}`;
  await drawing.decode();
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.drawImage(drawing, 0, 0, width, height);
  const rgba = context.getImageData(0, 0, width, height).data;
  return Uint8Array.from({ length: width * height * 3 }, (_, i) => rgba[Math.floor(i / 3) * 4 + (i % 3)]!);
}
