import { readFileSync } from "node:fs";
import type { ImageBatch } from "@mmgen/core";
import { loadFrom } from "mmgen/node";

/** What the page was asked, and what it showed. */
interface Seen {
  readonly kind: "complete" | "describe" | "draw" | "invent";
  readonly sampling: { readonly seed: number; readonly temperature: number; readonly topP: number };
  readonly count: number;
  readonly caption: string;
  /** Pixels of the image that was given, `[height, width, 3]`, levels 0..255. */
  readonly given?: readonly number[];
  /** 1 for each pixel that is kept. */
  readonly mask?: readonly number[];
  /** Pixels of each image shown. */
  readonly images: readonly (readonly number[])[];
  readonly captions: readonly string[];
}

// Computes on ONNX Runtime what the page computed, and prints what differs, a line each.
const [folder, file] = process.argv.slice(2);
const model = await loadFrom(folder!, { onBackend: () => {} });
const { channels, height, maxValue, width } = model.vqvae.imageShape;

const toImage = (pixels: readonly number[]): ImageBatch => ({
  ...{ data: Uint8Array.from(pixels, (level) => Math.round((level * maxValue) / 255)), count: 1 },
  ...{ height, width, channels, maxValue },
});

async function compute({ caption, count, given, kind, mask, sampling }: Seen) {
  switch (kind) {
    case "draw":
      return { images: await model.draw([caption], { ...sampling, count }) };
    case "invent":
      return model.invent({ ...sampling, count });
    case "complete":
      return model.complete(toImage(given!), { ...sampling, count, keep: { mask: mask! } });
    case "describe":
      return { captions: await model.caption(toImage(given!)) };
  }
}

for (const seen of JSON.parse(readFileSync(file!, "utf8")) as Seen[]) {
  const found: { readonly images?: ImageBatch; readonly captions?: readonly string[] } = await compute(seen);
  const { captions, images } = found;
  if (captions !== undefined && captions.join("|") !== seen.captions.join("|")) {
    console.log(`${seen.kind}: the page says "${seen.captions.join("|")}", Node "${captions.join("|")}"`);
  }
  if (images !== undefined) {
    const shown = seen.images.flatMap((pixels) => [...toImage(pixels).data]);
    const wrong = shown.filter((level, i) => level !== images.data[i]).length;
    if (wrong > 0 || shown.length !== images.data.length) {
      console.log(`${seen.kind}: ${wrong} of ${images.data.length} levels differ from Node's`);
    }
  }
}
