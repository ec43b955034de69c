import { ConfigError, type PalettePlace } from "@mmgen/core";
import { checkInteger, checkOneOf } from "../model/check-config.js";

/** What is coded of an image: all of it place by place, or two flat colors and a shape. */
export type CompositionConfig = WholeImageConfig | FigureGroundConfig;

/** Every code stands for a place of the image. */
export interface WholeImageConfig {
  readonly type: "whole";
}

/**
 * One flat color upon another: the first code says the figure's color, the second the ground's, and those of the grid
 * where the figure is, whatever the colors.
 */
export interface FigureGroundConfig {
  readonly type: "figure-ground";
  /** Values of a channel that a color can take: L make a fixed palette of L^channels colors. */
  readonly paletteLevels: number;
  /**
   * `before` the grid's codes the colors have two of their own: short vocabularies. `within`, the grid's first code says
   * the figure's color too, and its second the ground's: codes stay a grid, of colors × codebook values.
   */
  readonly palettePlace: PalettePlace;
}

/** The composition with its defaults: `figure-ground` has 4 palette levels, `before` the grid. */
export type CompositionOptions = WholeImageConfig | (Pick<FigureGroundConfig, "type"> & Partial<FigureGroundConfig>);

/** The most colors of a palette: beyond them a table of colors is no small thing. */
const greatestPalette = 2 ** 16;

/** Fills in the defaults, and throws {@link ConfigError} unless every field is in range. */
export function resolveComposition(options: CompositionOptions, channels: number): CompositionConfig {
  checkOneOf("composition.type", options.type, ["whole", "figure-ground"]);
  if (options.type === "whole") {
    return { type: "whole" };
  }
  const { paletteLevels = 4, palettePlace = "before" } = options;
  checkInteger("composition.paletteLevels", paletteLevels, 2, 256);
  if (paletteLevels ** channels > greatestPalette) {
    throw new ConfigError(
      `composition.paletteLevels: ${paletteLevels} levels of ${channels} channels make ${paletteLevels ** channels} ` +
        `colors; expected at most ${greatestPalette}. Take fewer levels.`,
    );
  }
  checkOneOf("composition.palettePlace", palettePlace, ["before", "within"]);
  return { type: "figure-ground", paletteLevels, palettePlace };
}
