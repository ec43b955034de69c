import { expect, it } from "vitest";
import { Budget } from "./budget.js";

it("holds no more than its total at once, except for one task alone, and starts tasks in order", async () => {
  const budget = new Budget(10);
  const started: number[] = [];
  let [held, most] = [0, 0];
  const task = (amount: number, fails = false) =>
    budget.run(amount, async () => {
      started.push(amount);
      held += amount;
      most = Math.max(most, amount > 10 ? held - amount : held);
      await new Promise((resolve) => setTimeout(resolve, 1));
      held -= amount;
      if (fails) {
        throw new Error("failed");
      }
      return amount;
    });
  const amounts = [6, 4, 3, 25, 1, 10, 0, 9];
  const results = await Promise.allSettled(amounts.map((amount, i) => task(amount, i === 1)));
  expect(results.map(({ status }) => status === "fulfilled")).toEqual(amounts.map((_, i) => i !== 1));
  expect(started).toEqual(amounts);
  expect([held, most]).toEqual([0, 10]);
});
