import { generate } from "@mmgen/samplers";
import { loadUrl, MultimodalModel } from "mmgen";
import type { ModelInfo, ModelSource } from "../protocol/messages.js";

/** Captions that a model makes up, for the page to offer. */
const exampleCount = 6;

/**
 * Loads a model from a folder of the web, or from files that the visitor opened.
 *
 * @throws a `CheckpointError` naming the file that is missing, damaged or of another run.
 */
export async function loadModel(source: ModelSource): Promise<MultimodalModel> {
  // The folder is the page's own, and as near as a cache.
  return "files" in source
    ? MultimodalModel.load((name) => source.files.get(name))
    : loadUrl(source.folder, { cache: false });
}

/** What the page shows of a model, and needs to know to ask it. */
export async function describeModel(name: string, model: MultimodalModel): Promise<ModelInfo> {
  const { tokenizer, transformer, vqvae } = model;
  const { captionLength, codeGrid, codebookSize, layout, textUnit, words } = tokenizer.config;
  const { family, sampling } = model.config;
  const { channels, height, maxValue, width } = vqvae.imageShape;
  const text = layout === "image-only" ? "none" : layout === "class" ? "classes" : "captions";
  return {
    ...{ name, family, text, codeGrid, codebookSize, captionLength },
    places: vqvae.network.latentGrid,
    image: { channels, height, maxValue, width },
    unit: textUnit,
    parameters: transformer.parameterCount + vqvae.parameterCount,
    words: text === "none" ? [] : words,
    sampling: { temperature: sampling.temperature ?? 1, topP: sampling.topP ?? 1 },
    examples: text === "none" ? [] : text === "classes" ? words.slice(0, exampleCount) : await makeUpCaptions(model),
  };
}

/** Captions that the model itself draws; each once. */
async function makeUpCaptions(model: MultimodalModel): Promise<readonly string[]> {
  const { tokenizer, transformer } = model;
  const sampling = { temperature: 1, topP: 0.95, seed: 1 };
  if (model.config.family === "diffusion") {
    const { captions } = await model.invent({ count: exampleCount, ...sampling });
    return [...new Set(captions)];
  }
  // Words come first; the codes after them are of no interest.
  const order = "text-first";
  const prompt = tokenizer.promptForPairs(exampleCount, order);
  const steps = tokenizer.modalities(order).lastIndexOf("text") + 1 - prompt.length;
  const { count, data, length } = await generate({
    ...{ model: transformer, prompt, steps, grammar: tokenizer.grammar(order), ...sampling },
  });
  const captions = Array.from({ length: count }, (_, row) =>
    tokenizer.decodeText(
      data.subarray(row * length, (row + 1) * length).filter((id) => tokenizer.modality(id) === "text"),
    ),
  );
  return [...new Set(captions)];
}
