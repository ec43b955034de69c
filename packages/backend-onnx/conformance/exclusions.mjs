/**
 * Specs that are not run on the onnx backend, by a part of their name, with the reason. They count as failed.
 *
 * @type {readonly { readonly name: string, readonly reason: string }[]}
 */
export const exclusions = [];
