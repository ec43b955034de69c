import { SingleBar } from "cli-progress";
import { ProgressClock } from "./progress-clock.js";
import type { EpochRecord, StepRecord } from "./training-history.js";
import type { RunDescription, TrainingObserver } from "./training-observer.js";

/** Options of {@link terminalProgress}. */
export interface TerminalProgressOptions {
  /** Stands before each line: "tokenizer". */
  readonly label?: string;
  /** Default: standard error, so that standard output stays for results. */
  readonly stream?: NodeJS.WritableStream & { readonly isTTY?: boolean };
  /** Seconds between lines where there is no terminal. Default 15. */
  readonly interval?: number;
  /** The time in ms; default `performance.now`. */
  readonly now?: () => number;
}

/**
 * Shows a run to a person: on a terminal a bar with loss, throughput and time left; elsewhere a plain line now and then.
 * Evaluations always get a line.
 */
export function terminalProgress(options: TerminalProgressOptions = {}): TrainingObserver {
  const { label = "training", stream = process.stderr, interval = 15, now = () => performance.now() } = options;
  const bar = stream.isTTY ? newBar(stream) : undefined;
  const clock = new ProgressClock(now);
  let lastLine = 0;

  const writeLine = (text: string) => {
    if (bar?.isActive) {
      // Overwrites the bar, which is drawn again under the line.
      stream.write("\r\u001b[K");
    }
    stream.write(`${text}\n`);
    bar?.update({});
  };
  const state = (record: StepRecord, run: RunDescription) => {
    const rate = clock.examplesPerSecond(run);
    return {
      label,
      loss: formatMetric(record.loss),
      rate: `${formatMetric(rate)} examples/s`,
      left: clock.timeLeft(run),
    };
  };
  return {
    onStart: (run) => {
      clock.start(run);
      lastLine = now();
      bar?.start(run.totalSteps, run.step, { label, loss: "–", rate: "–", left: "–" });
    },
    onStep: (record, run) => {
      clock.step();
      if (bar !== undefined) {
        bar.update(record.step, state(record, run));
      } else if (now() - lastLine >= interval * 1000) {
        lastLine = now();
        const { loss, rate, left } = state(record, run);
        writeLine(`${label}: step ${record.step}/${run.totalSteps}, loss ${loss}, ${rate}, ${left} left`);
      }
    },
    onEpoch: (record) => {
      writeLine(epochLine(label, record));
      clock.pause();
    },
    onEnd: (status, run) => {
      bar?.stop();
      stream.write(`${label}: ${status} after ${run.step} of ${run.totalSteps} steps, ${clock.elapsed()}\n`);
    },
  };
}

function newBar(stream: NodeJS.WritableStream): SingleBar {
  return new SingleBar({
    format: "{label} {bar} {value}/{total} | loss {loss} | {rate} | {left} left",
    stream,
    barsize: 24,
    hideCursor: true,
    linewrap: true,
    // The run has its own way of stopping on Ctrl-C.
    gracefulExit: false,
  });
}

function epochLine(label: string, { epoch, trainLoss, metrics }: EpochRecord): string {
  const figures = Object.entries(metrics).map(([name, value]) => `${name} ${formatMetric(value)}`);
  const parts = [...(trainLoss === undefined ? [] : [`train loss ${formatMetric(trainLoss)}`]), ...figures];
  const when = epoch === 0 ? "before training" : `epoch ${Number(epoch.toFixed(2))}`;
  return `${label}: ${when}${parts.length > 0 ? `: ${parts.join(", ")}` : ""}`;
}

/** Four digits that matter, without an exponent where one can do without. */
function formatMetric(value: number): string {
  return Number(value.toPrecision(4)).toString();
}
