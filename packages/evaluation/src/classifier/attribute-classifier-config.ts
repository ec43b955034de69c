import { CheckpointError, ConfigError } from "@mmgen/core";

/** One thing to read off an image: its name and how many classes it has. */
export interface Attribute<Name extends string = string> {
  readonly name: Name;
  readonly classes: number;
}

/** What an `AttributeClassifier` reads and how wide it is. */
export interface AttributeClassifierConfig<Name extends string = string> {
  readonly attributes: readonly Attribute<Name>[];
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** The greatest level of the images. */
  readonly maxValue: number;
  /** Channels of the three convolutions that read shapes; the one that reads colors has as many as the first. */
  readonly hiddenChannels: readonly [number, number, number];
  /** Width of each trunk's last layer, before the heads. */
  readonly hiddenWidth: number;
}

/** A configuration, of which all but the attributes has defaults: the colored digits' shape, 28×28×3 with levels 0..3. */
export type AttributeClassifierOptions<Name extends string = string> = Pick<
  AttributeClassifierConfig<Name>,
  "attributes"
> &
  Partial<AttributeClassifierConfig<Name>>;

/** The configuration with its defaults. Throws {@link ConfigError} when a field is out of range. */
export function completeClassifierConfig<Name extends string>(
  options: AttributeClassifierOptions<Name>,
): AttributeClassifierConfig<Name> {
  const config = {
    height: 28,
    width: 28,
    channels: 3,
    maxValue: 3,
    hiddenChannels: [32, 64, 64] as const,
    hiddenWidth: 128,
    ...options,
  };
  const { attributes, height, width, channels, maxValue, hiddenChannels, hiddenWidth } = config;
  const sizes = { height, width, channels, maxValue, hiddenWidth };
  const named = [...Object.entries(sizes), ...hiddenChannels.map((size, i) => [`hiddenChannels[${i}]`, size] as const)];
  for (const [name, size] of named) {
    if (!Number.isInteger(size) || size < 1) {
      throw new ConfigError(`${name}: expected a whole number of at least 1, got ${size}.`);
    }
  }
  if (attributes.length === 0 || hiddenChannels.length !== 3) {
    throw new ConfigError(
      `AttributeClassifier: expected at least one attribute and three hiddenChannels, got ${attributes.length} and ${hiddenChannels.length}.`,
    );
  }
  for (const { name, classes } of attributes) {
    if (!Number.isInteger(classes) || classes < 2) {
      throw new ConfigError(`Attribute "${name}": expected at least 2 classes, got ${classes}.`);
    }
  }
  if (new Set(attributes.map(({ name }) => name)).size !== attributes.length) {
    throw new ConfigError(
      `Attributes must have different names, got ${attributes.map(({ name }) => name).join(", ")}.`,
    );
  }
  return config;
}

/** The inverse of `JSON.stringify` on a configuration. Throws {@link CheckpointError} when it is none. */
export function parseClassifierConfig(json: string | undefined): AttributeClassifierConfig {
  try {
    return completeClassifierConfig(JSON.parse(json ?? ""));
  } catch (error) {
    throw new CheckpointError("The attribute classifier's configuration is missing or damaged.", { cause: error });
  }
}
