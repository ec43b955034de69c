import type { GraphBuilder } from "../graph/graph-builder.js";
import type { LazyValue } from "../graph/lazy-value.js";

/** Number of channels in whole blocks that hold `channels`. */
export function blocksFor(channels: number, block: number): number {
  return Math.ceil(channels / block) * block;
}

/** Fewer channels than a block stay as they are; otherwise they are filled up to whole blocks. */
function inputChannelsFor(channels: number, block: number): number {
  return channels < block ? channels : blocksFor(channels, block);
}

/** The filter in blocks, memory `[outChannels / b, inChannels / b, places, b, b]`, with few channels `[…, inChannels, places, b]`. */
export function weightsInBlocks(graph: GraphBuilder, filter: LazyValue, block: number): LazyValue {
  const [height, width, inChannels, outChannels] = filter.shape as [number, number, number, number];
  const [inputs, outputs] = [inputChannelsFor(inChannels, block), blocksFor(outChannels, block)];
  const places = height * width;
  const filled = graph.padTo(filter, [height, width, inputs, outputs]);
  const blocks = graph.toBlocks(graph.reshape(filled, [1, places * inputs, 1, outputs]), true);
  const parts = inChannels < block ? inputs : inputs / block;
  const grouped = graph.reshape(blocks, [
    outputs / block,
    places,
    parts,
    filled.size / (places * parts * (outputs / block)),
  ]);
  return graph.reshape(graph.transpose(grouped, [0, 2, 1, 3]), [outputs, inputs, height, width]);
}

/** The filter's places, each with input and output channels exchanged and in blocks: `[places, inChannels / b, outChannels / b, b · b]`. */
export function turnedWeights(graph: GraphBuilder, filter: LazyValue, block: number): LazyValue {
  const [height, width, inChannels, outChannels] = filter.shape as [number, number, number, number];
  const [inputs, outputs] = [blocksFor(inChannels, block), inputChannelsFor(outChannels, block)];
  const places = height * width;
  const filled = graph.padTo(filter, [height, width, inputs, outputs]);
  const blocks = graph.toBlocks(graph.reshape(filled, [places, inputs, outputs, 1]), false);
  const parts = outChannels < block ? outputs : outputs / block;
  return graph.reshape(blocks, [places, inputs / block, parts, filled.size / (places * (inputs / block) * parts)]);
}

/** The convolution's weights with some places of {@link turnedWeights}. */
export function turnedAt(
  graph: GraphBuilder,
  turned: LazyValue,
  taps: readonly number[],
  size: readonly number[],
): LazyValue {
  const [, blocks, parts, run] = turned.shape as [number, number, number, number];
  const chosen = graph.gather(turned, graph.indices(taps), 0);
  const block = graph.blockSize!;
  return graph.reshape(graph.transpose(chosen, [1, 2, 0, 3]), [blocks * block, (parts * run) / block, ...size]);
}
