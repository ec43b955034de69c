import { checkOneOf } from "./check-config.js";
import { type ConvolutionalConfig, resolveConvolutional } from "./convolutional-config.js";
import { type DenseConfig, resolveDense } from "./dense-config.js";

/** Encoder and decoder. */
export type NetworkConfig = ConvolutionalConfig | DenseConfig;

/** A network with its defaults: `convolutional` where no type is named. */
export type NetworkOptions = Partial<ConvolutionalConfig> | (Pick<DenseConfig, "type"> & Partial<DenseConfig>);

/** Fills in the defaults, and throws `ConfigError` unless the type is known and every field in range. */
export function resolveNetwork(options: NetworkOptions): NetworkConfig {
  const { type = "convolutional" } = options;
  checkOneOf("network.type", type, ["convolutional", "dense"]);
  return options.type === "dense" ? resolveDense(options) : resolveConvolutional(options);
}
