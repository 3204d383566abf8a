const wholeNumber = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const onePlace = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

/** Returns how much one side of a split has got, and how much it should get: `4.8% of requests (61), 5% by weight`. */
export function shareText(requests: number, requestsTotal: number, weightShare: number): string {
  const byWeight = `${percent(weightShare)} by weight`;
  if (requestsTotal === 0) return `no request yet, ${byWeight}`;
  return `${percent(requests / requestsTotal)} of requests (${wholeNumber.format(requests)}), ${byWeight}`;
}

/** A share of 0 to 1 with one decimal place at most; `0%` and `100%` are exact. */
function percent(share: number): string {
  if (share > 0 && share < 0.0005) return '<0.1%';
  if (share < 1 && share >= 0.9995) return '>99.9%';
  return `${onePlace.format(share * 100)}%`;
}
