import { describeValue } from "@mmgen/core";
import { fields, listOf, oneOf, optional, pipe, resolveOptions, rule, text, wholeNumber } from "@mmgen/core/options";

/** One property of an image that a classifier predicts, such as its digit. */
export interface Attribute<Name extends string = string> {
  readonly name: Name;
  /** Number of its classes, at least 2. */
  readonly classes: number;
}

/** Configuration of an `AttributeClassifier`. */
export interface AttributeClassifierConfig<Name extends string = string> {
  readonly attributes: readonly Attribute<Name>[];
  /** Of the images. Default: 28. */
  readonly height: number;
  /** Of the images. Default: 28. */
  readonly width: number;
  /** Of the images. Default: 3. */
  readonly channels: number;
  /** The maximum level of the images. Default: 3. */
  readonly maxValue: number;
  /**
   * The network's form: "digits", a trunk for shapes that sees contrast alone and one for colors, for images of a figure
   * in one color on another; "image", one trunk of residual convolutions, for images of many colors. Default: "digits".
   */
  readonly trunk: "digits" | "image";
  /**
   * For digits, channels of the shape trunk's three convolutions; the color trunk's one has as many as the first. For
   * images, channels of each level, every one at half the side of the level before. Default: [32, 64, 64] for digits,
   * [16, 32, 64, 128] for images.
   */
  readonly hiddenChannels: readonly number[];
  /** Width of each trunk's last layer, before the heads. Default: 128 for digits, 64 for images. */
  readonly hiddenWidth: number;
}

/** A configuration; all but the attributes have defaults, for colored digits: 28×28×3 images with levels 0..3. */
export type AttributeClassifierOptions<Name extends string = string> = Pick<
  AttributeClassifierConfig<Name>,
  "attributes"
> &
  Partial<AttributeClassifierConfig<Name>>;

const defaults = {
  digits: { hiddenChannels: [32, 64, 64], hiddenWidth: 128 },
  image: { hiddenChannels: [16, 32, 64, 128], hiddenWidth: 64 },
} as const;

const size = () => wholeNumber({ min: 1 });
const classifierSchema = pipe(
  fields({
    attributes: listOf(fields({ name: text({ minLength: 1 }), classes: wholeNumber({ min: 2 }) }), { minLength: 1 }),
    height: optional(size(), 28),
    width: optional(size(), 28),
    channels: optional(size(), 3),
    maxValue: optional(size(), 3),
    trunk: optional(oneOf(["digits", "image"]), "digits"),
    hiddenChannels: optional(listOf(size(), { minLength: 1, maxLength: 8 })),
    hiddenWidth: optional(size()),
  }),
  rule("attributes", ({ attributes }) => {
    const names = attributes.map(({ name }) => name);
    return new Set(names).size === names.length ? undefined : `expected different names, got ${describeValue(names)}.`;
  }),
  rule("hiddenChannels", ({ trunk, hiddenChannels: channels = [1, 1, 1] }) =>
    trunk === "image" || channels.length === 3
      ? undefined
      : `expected a list of 3 values for "digits", got ${describeValue(channels)}.`,
  ),
);

/**
 * The configuration with its defaults filled in.
 *
 * @throws a `ConfigError` when a field is unknown or out of range.
 */
export function resolveClassifier<Name extends string>(
  options: AttributeClassifierOptions<Name>,
): AttributeClassifierConfig<Name> {
  const config = resolveOptions(classifierSchema, options);
  const { hiddenChannels, hiddenWidth } = { ...defaults[config.trunk], ...config };
  return { ...config, hiddenChannels, hiddenWidth } as unknown as AttributeClassifierConfig<Name>;
}
