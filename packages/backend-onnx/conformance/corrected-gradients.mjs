/**
 * Specs that ask for what @mmgen/nn's gradients correct (docs/gradients.md), by a part of their name, with the reason.
 *
 * @type {readonly { readonly name: string, readonly reason: string }[]}
 */
export const correctedGradients = [
  { name: "max gradient: 1D, ties", reason: "equals share the gradient" },
  { name: "max gradient: ties", reason: "equals share the gradient" },
  { name: "min gradient: 1D, ties", reason: "equals share the gradient" },
  { name: "min gradient: ties", reason: "equals share the gradient" },
  { name: "avgPool conformance {} gradient x=[3,3,1] f=[3,3] s=1 p=explicit", reason: "padding does not count" },
  { name: "mirrorPad conformance {} grad", reason: "what was mirrored counts" },
  { name: "depthwiseConv2d gradients conformance {} throws error on dilations > 1", reason: "dilation has a gradient" },
  { name: "div conformance {} gradient: 1d<int32> with 1d<bool>", reason: "a cast to int32 has the slope 0" },
  { name: "does not error if irrelevant (pruned) ops are missing grads", reason: "a cast to int32 has the slope 0" },
  { name: "errors if relevant ops are missing grads", reason: "logicalAnd has the slope 0" },
];
