import type { Module } from "../modules/module.js";

/**
 * Gives a model the parameters of another that has them by the same name in the same shape, so that it goes on learning
 * from what that one knows: another task, more layers, attention in both directions. Buffers stay.
 *
 * @param from - Borrowed.
 * @param to - Changed in place.
 * @returns Names of the parameters of `to` that stay as they were.
 * @see Gong et al. 2024 on diffusion models from autoregressive ones, https://arxiv.org/abs/2410.17891
 */
export function copyWeights(from: Module, to: Module): string[] {
  const own: string[] = [];
  for (const [name, variable] of to.parameters) {
    const other = from.parameters.get(name);
    if (other !== undefined && other.shape.join() === variable.shape.join() && other.dtype === variable.dtype) {
      variable.assign(other);
    } else {
      own.push(name);
    }
  }
  return own;
}
