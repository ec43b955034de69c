import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { sliceImages } from "@mmgen/core";
import { writeFileAtomic } from "@mmgen/core/node";
import { drawCaptions, type RunFolders, type SamplingOptions, type TrainedModels } from "@mmgen/example-common";
import { imageGrid } from "@mmgen/plots";
import { writeGif } from "@mmgen/plots/node";

/** Captions drawn after every epoch. */
const shown = 9;

/** The same captions drawn after every epoch of the transformer, as files of their own, so that a resumed run has them all. */
export class EpochSamples {
  readonly #folder: string;

  constructor(
    private readonly folders: RunFolders,
    private readonly captions: readonly string[],
    private readonly sampling: SamplingOptions,
  ) {
    this.#folder = join(folders.results, "epochs");
  }

  /** Removes what an earlier run drew. */
  async clear(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Draws the captions with the models as they are after so many epochs. */
  async draw(models: TrainedModels, epoch: number): Promise<void> {
    const captions = this.captions.slice(0, shown);
    const images = await drawCaptions(models, captions, this.sampling);
    const svg = imageGrid({
      images: sliceImages(images, 0, captions.length),
      captions,
      title: "Drawn from a caption",
      subtitle: epoch === 0 ? "before training" : `after epoch ${epoch}`,
    });
    await mkdir(this.#folder, { recursive: true });
    await writeFileAtomic(join(this.#folder, `${String(epoch).padStart(3, "0")}.svg`), svg);
  }

  /** Joins the drawings to `samples_by_epoch.gif`; its bytes. */
  async animate(): Promise<Uint8Array> {
    const files = (await readdir(this.#folder)).filter((file) => file.endsWith(".svg")).sort();
    const frames = await Promise.all(files.map((file) => readFile(join(this.#folder, file), "utf8")));
    return writeGif(join(this.folders.results, "samples_by_epoch.gif"), frames, { frameMilliseconds: 600 });
  }
}
