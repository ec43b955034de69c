import type { LazyNode } from "./lazy-value.js";

/**
 * The types of which ONNX Runtime's CUDA provider has kernels, by operator, for all operators that this package may record
 * there: the rows for version 20 of ONNX's operators, and those of `com.microsoft`, under CUDAExecutionProvider in
 * https://github.com/microsoft/onnxruntime/blob/001d12d2623fd411ce0f83d05abb5e82304a3389/docs/OperatorKernels.md
 *
 * The type is that of the first operand, of Where that of the second. `Scan` is left out: the provider has it, but captures
 * no graph with control flow.
 */
const kernels: readonly (readonly [types: string, operators: string])[] = [
  ["bool", "And Not Or"],
  ["float32 float64", "ArgMax ArgMin AveragePool Ceil Conv ConvTranspose Cos Einsum Elu Erf Exp Floor Gelu Gemm"],
  ["float32 float64", "IsInf IsNaN LayerNormalization LeakyRelu Log LogSoftmax MatMul MaxPool Reciprocal Relu Round"],
  ["float32 float64", "Selu Sigmoid Sin Softmax Softplus Sqrt Tanh com.microsoft.FusedMatMul"],
  ["float32 float64 bool", "Pad"],
  ["float32 float64 int32", "ReduceMean ReduceProd"],
  ["float32 float64 int32 int64", "Neg Pow Range ReduceMax ReduceMin ReduceSum Tile TopK Where"],
  ["float32 float64 int32 int64 uint32", "Abs Add CumSum Div Greater GreaterOrEqual Less LessOrEqual Max Min Mod Mul"],
  ["float32 float64 int32 int64 uint32", "Sign Sub"],
  ["float32 float64 int64", "Clip"],
  ["float32 float64 int64 bool", "GatherND"],
  ["float32 float64 int32 int64 uint32 bool", "Cast Concat Equal Expand Gather GatherElements Identity Reshape"],
  ["float32 float64 int32 int64 uint32 bool", "ScatterElements ScatterND Slice Split Transpose"],
];

const typesOf = new Map(
  kernels.flatMap(([types, operators]) =>
    operators.split(" ").map((operator) => [operator, types.split(" ")] as const),
  ),
);

/** The nodes that ONNX Runtime would run on the cpu beside its CUDA provider, each as its operator and type. */
export function straysOnCuda(nodes: readonly LazyNode[]): string[] {
  return nodes.flatMap(({ op, domain, inputs }) => {
    const { type } = (op === "Where" ? inputs[1] : inputs[0])!;
    const operator = domain === "" ? op : `${domain}.${op}`;
    return typesOf.get(operator)?.includes(type) ? [] : [`${operator} of ${type}`];
  });
}
