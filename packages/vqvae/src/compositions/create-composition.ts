import { type ConfigOf, type OptionsOf, variant, variants } from "@mmgen/core/options";
import type { Composition } from "./composition.js";
import { figureGround, figureGroundSchema } from "./figure-ground.js";
import type { ReconstructionHead } from "./reconstruction-head.js";

const wholeImageSchema = variant("whole", {});

export const compositionSchema = variants(wholeImageSchema, figureGroundSchema);

/** Options of a composition, by `type`; `whole` where no type is given. */
export type CompositionOptions = OptionsOf<typeof compositionSchema>;
/** {@link CompositionOptions} with every default filled in. */
export type CompositionConfig = ConfigOf<typeof compositionSchema>;

/** More colors than this would make the table of colors large. */
const maxPaletteSize = 2 ** 16;

/** Explains what is wrong with a composition for images of so many channels; `undefined` if nothing. */
export function explainComposition(composition: CompositionConfig, channels: number): string | undefined {
  if (composition.type === "whole") {
    return undefined;
  }
  const { paletteLevels } = composition;
  const size = paletteLevels ** channels;
  return size > maxPaletteSize
    ? `paletteLevels ${paletteLevels} for ${channels} channels makes ${size} colors, expected at most ` +
        `${maxPaletteSize}. Take fewer levels.`
    : undefined;
}

/** Creates the composition of a configuration. */
export function createComposition(
  config: CompositionConfig,
  { channels, maxValue }: { readonly channels: number; readonly maxValue: number },
  head: ReconstructionHead,
): Composition {
  return config.type === "whole" ? wholeImage(channels, head) : figureGround(config, { channels, maxValue }, head);
}

/** The image goes through the network as it is. */
function wholeImage(channels: number, head: ReconstructionHead): Composition {
  return {
    inputChannels: channels,
    decodedChannels: head.outputChannels,
    imageCodes: 0,
    imageCodebookSize: 0,
    palettePlace: "before",
    decompose: (levels) => ({ map: head.pixels(levels) }),
    compose: ({ map }) => map,
  };
}
