import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Attributes, LazyNode, LazyValue } from "../graph/lazy-value.js";
import { bodyNumberRange } from "../graph/plan.js";
import { type ElementType, onnxTypeCodes } from "../runtime/element-type.js";
import type { ArrayFormula } from "./array-formula.js";
import type { OpenSizes } from "./open-sizes.js";
import type { SizeFormula } from "./size-formula.js";

/**
 * Records nodes that come before those of a plan: weights in other shapes, and numbers computed from open sizes, which
 * are read off the inputs' shapes.
 */
export class FirstNodes {
  readonly nodes: LazyNode[] = [];
  readonly constants: LazyValue[] = [];
  readonly #graph: GraphBuilder;
  readonly #sizes: OpenSizes;
  readonly #inputs: ReadonlyMap<string, LazyValue>;
  readonly #dimensions = new Map<string, LazyValue>();
  #count = 0;
  readonly #known = new Map<string, LazyValue>();

  constructor(graph: GraphBuilder, sizes: OpenSizes, inputs: ReadonlyMap<string, LazyValue>) {
    this.#graph = graph;
    this.#sizes = sizes;
    this.#inputs = inputs;
  }

  /** The elements of a stored value in another shape. */
  reshaped(stored: LazyValue, shape: readonly number[]): LazyValue {
    return this.#node("Reshape", [stored, this.#integers(shape)], stored.type);
  }

  /** An array of which a formula gives the elements. */
  computed(type: ElementType, formula: ArrayFormula): LazyValue {
    const key = JSON.stringify([type, formula]);
    let value = this.#known.get(key);
    if (value === undefined) {
      value = formula.kind === "elements" ? this.#elements(type, formula) : this.#progression(type, formula);
      this.#known.set(key, value);
    }
    return value;
  }

  #elements(type: ElementType, { shape, elements }: Extract<ArrayFormula, { kind: "elements" }>): LazyValue {
    const vector = this.#vector(type, elements);
    return shape.length === 1 ? vector : this.#node("Reshape", [vector, this.#integers(shape)], type);
  }

  #progression(type: ElementType, { shape, start, step }: Extract<ArrayFormula, { kind: "progression" }>): LazyValue {
    const dimensions = this.#vector("int64", shape);
    const count = this.#node("ReduceProd", [dimensions], "int64", { keepdims: 1 });
    const [first, by] = [this.#vector(type, [start]), this.#vector(type, [step])];
    const end = this.#node("Add", [first, this.#node("Mul", [by, this.#cast(count, type)], type)], type);
    const scalars = [first, end, by].map((each) => this.#node("Squeeze", [each], type));
    const range = this.#node("Range", scalars, type);
    return shape.length === 1 ? range : this.#node("Reshape", [range, dimensions], type);
  }

  /** `[elements.length]`. */
  #vector(type: ElementType, elements: readonly (number | SizeFormula)[]): LazyValue {
    const isReal = type === "float32" || type === "float64";
    const computed = elements.filter((element) => typeof element !== "number");
    const [first] = computed;
    const powers = (formula: SizeFormula) => formula.exponents.join(";");
    if (first === undefined) {
      return this.#constant(type, elements as readonly number[]);
    }
    const isOneKind = computed.every((other) => powers(other) === powers(first) && other.isInverse === first.isInverse);
    if (!isOneKind || (first.isInverse && computed.length < elements.length)) {
      const parts = elements.map((element) => this.#vector(type, [element]));
      return this.#node("Concat", parts, type, { axis: 0 });
    }
    const inner: ElementType = isReal ? type : "int64";
    const each = (of: (formula: SizeFormula) => number, constant: (value: number) => number) =>
      elements.map((element) => (typeof element === "number" ? constant(element) : of(element)));
    const numerators = each(
      ({ numerator }) => numerator,
      () => 0,
    );
    const denominators = each(
      ({ denominator }) => denominator,
      () => 1,
    );
    const offsets = each(
      ({ offset }) => offset,
      (value) => value,
    );
    let value = this.#power(first.exponents, inner);
    const apply = (op: string, numbers: readonly number[], neutral: number) => {
      if (numbers.some((number) => number !== neutral)) {
        value = this.#node(op, [value, this.#constant(inner, numbers)], inner);
      }
    };
    apply("Mul", numerators, 1);
    apply("Div", denominators, 1);
    apply("Add", offsets, 0);
    if (first.isInverse) {
      value = this.#node("Reciprocal", [value], inner);
    }
    return inner === type ? value : this.#cast(value, type);
  }

  /** A product of powers of sizes, `[1]`. */
  #power(exponents: SizeFormula["exponents"], type: ElementType): LazyValue {
    const product = (sign: 1 | -1): LazyValue | undefined => {
      const factors = exponents.flatMap(([name, exponent]) =>
        new Array<LazyValue>(Math.max(0, exponent * sign)).fill(this.#dimension(name)),
      );
      return factors.length === 0
        ? undefined
        : this.#cast(
            factors.reduce((a, b) => this.#node("Mul", [a, b], "int64")),
            type,
          );
    };
    const [above, below] = [product(1), product(-1)];
    if (below === undefined) {
      return above!;
    }
    return above === undefined ? this.#node("Reciprocal", [below], type) : this.#node("Div", [above, below], type);
  }

  /** An open size, `[1]` int64. */
  #dimension(name: string): LazyValue {
    let value = this.#dimensions.get(name);
    if (value === undefined) {
      const { input, axis } = this.#sizes.axes.get(name)![0]!;
      value = this.#node("Shape", [this.#inputs.get(input)!], "int64", { start: axis, end: axis + 1 });
      this.#dimensions.set(name, value);
    }
    return value;
  }

  #cast(value: LazyValue, type: ElementType): LazyValue {
    return value.type === type ? value : this.#node("Cast", [value], type, { to: onnxTypeCodes[type] });
  }

  #integers(values: readonly number[]): LazyValue {
    return this.#constant("int64", values);
  }

  #constant(type: ElementType, values: readonly number[]): LazyValue {
    const constant = this.#numbered(this.#graph.constant(type, [values.length], values));
    this.constants.push(constant);
    return constant;
  }

  /** The shape of a result is not written, and so not recorded. */
  #node(op: string, inputs: readonly LazyValue[], type: ElementType, attributes?: Attributes): LazyValue {
    const value = this.#graph.node(op, inputs, type, [], attributes && { attributes });
    this.nodes.push(value.producer!);
    return this.#numbered(value);
  }

  /** Past the numbers of every plan, and before those of bodies. */
  #numbered(value: LazyValue): LazyValue {
    value.number = bodyNumberRange - ++this.#count;
    return value;
  }
}
