// Sums the times in ONNX Runtime's profiles by operator: `node bench/speed/profile.mjs profile_*.json`.
import { readFileSync } from "node:fs";

for (const file of process.argv.slice(2)) {
  const events = JSON.parse(readFileSync(file, "utf8"));
  const runs = events.filter(({ name }) => name === "model_run").length;
  const kernels = events.filter(({ cat, name }) => cat === "Node" && name.endsWith("_kernel_time"));
  const all = kernels.reduce((sum, { dur }) => sum + dur, 0);
  console.log(
    `${file}: ${runs} runs, ${Math.round(kernels.length / runs)} nodes, ${(all / runs / 1000).toFixed(1)} ms a run`,
  );
  const print = (key, count) => {
    const sums = new Map();
    for (const event of kernels) {
      const [ms, times] = sums.get(key(event)) ?? [0, 0];
      sums.set(key(event), [ms + event.dur / runs / 1000, times + 1 / runs]);
    }
    for (const [name, [ms, times]] of [...sums].sort((a, b) => b[1][0] - a[1][0]).slice(0, count)) {
      console.log(`  ${ms.toFixed(1).padStart(8)} ms  ${times.toFixed(0).padStart(4)} ×  ${name}`);
    }
  };
  print(({ args }) => args.op_name, 16);
  console.log();
  const shapes = ({ args }) => args.input_type_shape?.map((shape) => Object.values(shape)[0].join("×")).join(" , ");
  print(
    (event) =>
      `${event.args.op_name} ${shapes(event)} → ${event.args.output_type_shape?.map((s) => Object.values(s)[0].join("×"))}`,
    34,
  );
}
