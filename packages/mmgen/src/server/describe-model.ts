import { packageVersion } from "../folder/package-version.js";
import type { MultimodalModel } from "../model/multimodal-model.js";
import { maxBodyBytes } from "./read-body.js";

/** What a client has to know of a model to use it. Plain JSON. */
export function describeModel(model: MultimodalModel, maxImages: number): object {
  const { tokenizer, transformer, vqvae } = model;
  const { channels, height, maxValue, width } = vqvae.imageShape;
  const { codebookSize, codeGrid, layout, textUnit, words } = tokenizer.config;
  const { diffusion, family, sampling } = model.config;
  return {
    version: packageVersion(),
    family,
    layout,
    /** What `POST` of these names does with this model. */
    methods: layout === "image-only" ? ["invent", "complete"] : ["draw", "caption", "invent", "complete"],
    images: { height, width, channels, levels: maxValue + 1 },
    codes: { ...codeGrid, codebookSize },
    textUnit,
    words,
    parameters: vqvae.parameterCount + transformer.parameterCount,
    sampling,
    ...(diffusion && { diffusion }),
    limits: { images: maxImages, bodyBytes: maxBodyBytes },
  };
}
