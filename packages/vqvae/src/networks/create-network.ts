import { type ConfigOf, type OptionsOf, variants } from "@mmgen/core/options";
import { convolutionalSchema } from "./convolutional-config.js";
import { ConvolutionalNetwork } from "./convolutional-network.js";
import { DenseNetwork, denseSchema } from "./dense-network.js";
import type { Network, NetworkEnds } from "./network.js";

export const networkSchema = variants(convolutionalSchema, denseSchema);

/** Options of an encoder and its decoder, by `type`; `convolutional` where no type is given. */
export type NetworkOptions = OptionsOf<typeof networkSchema>;
/** {@link NetworkOptions} with every default filled in. */
export type NetworkConfig = ConfigOf<typeof networkSchema>;

/** Creates the network of a configuration. */
export function createNetwork(config: NetworkConfig, ends: NetworkEnds): Network {
  return config.type === "dense" ? new DenseNetwork(config, ends) : new ConvolutionalNetwork(config, ends);
}
