/** The seed of the tests here; the same each time, unless BALANCE_SIM_SEED says another. */
export const testSeed = Number(process.env.BALANCE_SIM_SEED ?? 1);

/** Within a `describe`: a test that fails says which seed it was. */
export function tellSeed(): void {
  afterEach(function () {
    if (this.currentTest?.state === 'failed') console.log(`      BALANCE_SIM_SEED=${testSeed}`);
  });
}
