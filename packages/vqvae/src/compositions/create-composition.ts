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

/** More colors, or values of all colors, than this would make the table of colors large. */
const maxPaletteSize = 2 ** 16;
const maxPaletteValues = 2 ** 23;

/**
 * Explains what is wrong with a composition for images of so many channels; `undefined` if nothing.
 *
 * @param valuesPerChannel - What the reconstruction head needs to say a channel's level.
 */
export function explainComposition(
  composition: CompositionConfig,
  { channels, valuesPerChannel }: { readonly channels: number; readonly valuesPerChannel: number },
): string | undefined {
  if (composition.type === "whole") {
    return undefined;
  }
  const { paletteLevels } = composition;
  const size = paletteLevels ** channels;
  const values = size * channels * valuesPerChannel;
  if (size <= maxPaletteSize && values > maxPaletteValues) {
    return (
      `paletteLevels ${paletteLevels} for ${channels} channels and this head makes a table of ${values} values, expected ` +
      `at most ${maxPaletteValues}. Take fewer levels.`
    );
  }
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
