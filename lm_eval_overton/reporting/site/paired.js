"use strict";
// The paired comparison of `overton compare` in the browser: the same resamples and the same random
// signs, drawn by the same generator (PCG64, as numpy has it) from the same state, so that both say
// the same. What each part is for stands in lm_eval_overton/stats.
const Paired = (() => {
  const RESAMPLES = 4999;
  const SIGN_FLIPS = 9999;
  const EXACT_PAIRS = 14;
  const ROUNDING = 1e-12;
  const TIE = 1e-10;
  const DRAWS_PER_BLOCK = 2 ** 17;
  const TAIL = (1 - 0.95) / 2;

  // ------------------------------------------------------------------------------- random numbers

  // Numbers of 128 bits are eight limbs of 16, the least first: products of these are exact.
  const LIMBS = 8;
  function limbs(hex) {
    const digits = hex.padStart(32, "0");
    return Array.from({ length: LIMBS }, (_, i) => parseInt(digits.substr(28 - 4 * i, 4), 16));
  }
  const MULTIPLIER = limbs("2360ed051fc65da44385df649fccf645");

  function generator(seeded) {
    let state = limbs(seeded.state);
    const step = limbs(seeded.inc);
    let spare = null;

    function advance() {
      const next = new Array(LIMBS);
      let carry = 0;
      for (let i = 0; i < LIMBS; i += 1) {
        let sum = carry + step[i];
        for (let j = 0; j <= i; j += 1) sum += state[j] * MULTIPLIER[i - j];
        next[i] = sum % 65536;
        carry = Math.floor(sum / 65536);
      }
      state = next;
    }
    function next32() {
      if (spare !== null) {
        const kept = spare;
        spare = null;
        return kept;
      }
      advance();
      const low = ((state[1] ^ state[5]) * 65536 + (state[0] ^ state[4])) >>> 0;
      const high = ((state[3] ^ state[7]) * 65536 + (state[2] ^ state[6])) >>> 0;
      const by = state[7] >>> 10;
      const [a, b] = by >= 32 ? [high, low] : [low, high];
      const rest = by % 32;
      const turned = (one, other) => (rest ? ((one >>> rest) | (other << (32 - rest))) >>> 0 : one);
      spare = turned(b, a);
      return turned(a, b);
    }
    // Lemire's: an integer below n, each as likely as any other.
    function below(n) {
      const least = 4294967296 % n;
      for (;;) {
        const drawn = next32();
        // The product may have 64 bits: it is taken in two parts.
        const upper = Math.floor(drawn / 65536) * n;
        const lower = (drawn % 65536) * n + (upper % 65536) * 65536;
        if (lower % 4294967296 >= least) {
          return Math.floor(upper / 65536) + Math.floor(lower / 4294967296);
        }
      }
    }
    function copy() {
      const other = generator(seeded);
      other.set(state, spare);
      return other;
    }
    function set(given, kept) { state = [...given]; spare = kept; }
    return { next32, below, copy, set };
  }

  // --------------------------------------------------------------------------------- distributions

  // The normal distribution from below: a series near 0, a continued fraction in the tail.
  function normalCdf(x) {
    if (Number.isNaN(x)) return NaN;
    const size = Math.abs(x);
    const density = Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
    let tail;
    if (size < 3.5) {
      let term = size;
      let sum = size;
      for (let k = 3; term > sum * 1e-18; k += 2) { term *= (x * x) / k; sum += term; }
      tail = 0.5 - density * sum;
    } else {
      let fraction = size;
      for (let k = 120; k > 0; k -= 1) fraction = size + k / fraction;
      tail = density / fraction;
    }
    return x < 0 ? tail : 1 - tail;
  }
  function root(rises, low, high) {
    for (let k = 0; k < 200 && low < high; k += 1) {
      const middle = (low + high) / 2;
      if (middle === low || middle === high) break;
      if (rises(middle) < 0) low = middle; else high = middle;
    }
    return (low + high) / 2;
  }
  function normalQuantile(share) {
    if (share > 0.5) return -normalQuantile(1 - share);
    return share === 0.5 ? 0 : root((x) => normalCdf(x) - share, -40, 0);
  }
  // The share of Student's t on whole degrees of freedom that lies between -t and t.
  function studentWithin(t, degrees) {
    const angle = Math.atan(t / Math.sqrt(degrees));
    const square = Math.cos(angle) ** 2;
    const isOdd = degrees % 2 === 1;
    let term = isOdd ? Math.cos(angle) : 1;
    let sum = degrees > 1 ? term : 0;
    for (let k = isOdd ? 3 : 2; k < degrees; k += 2) {
      term *= ((k - 1) / k) * square;
      sum += term;
    }
    const curved = Math.sin(angle) * sum;
    return isOdd ? (2 / Math.PI) * (angle + curved) : curved;
  }
  const known = new Map();
  function expanded(n) {
    if (!known.has(n)) {
      const t = root((x) => studentWithin(x, n - 1) - (1 - 2 * TAIL), 0, 1e3);
      known.set(n, t * Math.sqrt(n / (n - 1)));
    }
    return known.get(n);
  }

  // ------------------------------------------------------------------------------------- bootstrap

  const sum = (values) => values.reduce((total, value) => total + value, 0);
  const mean = (values) => sum(values) / values.length;

  // Per column the means of rows drawn with replacement; columns share what is drawn.
  function resampledMeans(columns, random) {
    const n = columns[0].length;
    const found = columns.map(() => new Float64Array(RESAMPLES));
    const drawn = new Uint32Array(n);
    for (let row = 0; row < RESAMPLES; row += 1) {
      for (let i = 0; i < n; i += 1) drawn[i] = random.below(n);
      for (let j = 0; j < columns.length; j += 1) {
        const column = columns[j];
        let total = 0;
        for (let i = 0; i < n; i += 1) total += column[drawn[i]];
        found[j][row] = total / n;
      }
    }
    return found;
  }

  function interval(values, resampled, limits) {
    const estimate = mean(values);
    if (values.length < 2) return { difference: estimate, low: NaN, high: NaN };
    const [low, high] = bounds(estimate, resampled, values);
    if (low < high || !limits) return { difference: estimate, low, high };
    const unseen = 1 - TAIL ** (1 / values.length);
    return {
      difference: estimate,
      low: Math.min(estimate - unseen * (estimate - limits[0]), estimate),
      high: Math.max(estimate + unseen * (limits[1] - estimate), estimate),
    };
  }
  function bounds(estimate, resampled, values) {
    let most = 0;
    let furthest = 0;
    for (const one of resampled) {
      most = Math.max(most, Math.abs(one));
      furthest = Math.max(furthest, Math.abs(one - estimate));
    }
    const rounding = ROUNDING * most;
    if (furthest <= rounding) return [estimate, estimate];
    const z = expanded(values.length);
    const levels = [normalCdf(-z), normalCdf(z), ...corrected(estimate, resampled, rounding, values, z)];
    resampled.sort();
    const found = levels.map((level) => quantile(resampled, level));
    return [Math.min(...found), Math.max(...found)];
  }
  function corrected(estimate, resampled, rounding, values, z) {
    let balance = 0;
    for (const one of resampled) {
      if (one < estimate - rounding) balance += 1;
      if (one > estimate + rounding) balance -= 1;
    }
    const share = (1 + balance / resampled.length) / 2;
    const bias = share > 0 && share < 1 ? normalQuantile(share) : NaN;
    const pull = acceleration(values);
    const shifted = [bias - z, bias + z];
    const shrunk = shifted.map((shift) => 1 - pull * shift);
    if (!(Math.min(...shrunk) > 0)) return [];
    return shifted.map((shift, i) => normalCdf(bias + shift / shrunk[i]));
  }
  function acceleration(values) {
    const total = sum(values);
    const left = values.map((value) => (total - value) / (values.length - 1));
    const middle = mean(left);
    const influence = left.map((one) => middle - one);
    const scale = Math.max(...influence.map(Math.abs));
    if (!(scale > 0)) return NaN;
    const scaled = influence.map((one) => one / scale);
    return sum(scaled.map((one) => one ** 3)) / (6 * sum(scaled.map((one) => one ** 2)) ** 1.5);
  }
  function quantile(sorted, level) {
    const at = level * (sorted.length - 1);
    const k = Math.min(Math.floor(at), sorted.length - 2);
    return sorted[k] + (at - k) * (sorted[k + 1] - sorted[k]);
  }

  // ------------------------------------------------------------------------------------ sign flips

  function flipTest(columns, random) {
    const moved = columns.map((column) => column.filter((value) => value !== 0));
    const found = new Array(columns.length).fill(NaN);
    for (const places of ofEqualLength(moved)) {
      const own = places.map((j) => moved[j]);
      const n = own[0].length;
      const p = n <= EXACT_PAIRS ? own.map(exactP) : randomPs(own, random.copy());
      places.forEach((j, i) => { if (columns[j].length) found[j] = p[i]; });
    }
    return found;
  }
  function asExtreme(values) {
    return Math.abs(sum(values)) - TIE * sum(values.map(Math.abs));
  }
  function exactP(values) {
    let sums = [0];
    for (const value of values) {
      sums = [...sums.map((one) => one + value), ...sums.map((one) => one - value)];
    }
    const least = asExtreme(values);
    return sums.filter((one) => Math.abs(one) >= least).length / sums.length;
  }
  function randomPs(columns, random) {
    const n = columns[0].length;
    const bytes = Math.ceil(n / 8);
    const totals = columns.map(sum);
    const least = columns.map(asExtreme);
    const counts = columns.map(() => 0);
    const perBlock = Math.max(1, Math.floor(DRAWS_PER_BLOCK / n));
    const negative = [];
    for (let start = 0; start < SIGN_FLIPS; start += perBlock) {
      const rows = Math.min(perBlock, SIGN_FLIPS - start);
      const words = Array.from({ length: Math.ceil((rows * bytes) / 4) }, () => random.next32());
      for (let row = 0; row < rows; row += 1) {
        negative.length = 0;
        for (let i = 0; i < n; i += 1) {
          const at = row * bytes + (i >> 3);
          // Bytes come from a word's low end, bits from a byte's high end.
          if ((words[at >> 2] >>> (8 * (at & 3) + 7 - (i & 7))) & 1) negative.push(i);
        }
        for (let j = 0; j < columns.length; j += 1) {
          let flipped = 0;
          for (const i of negative) flipped += columns[j][i];
          if (Math.abs(totals[j] - 2 * flipped) >= least[j]) counts[j] += 1;
        }
      }
    }
    return counts.map((count) => (1 + count) / (1 + SIGN_FLIPS));
  }

  // ---------------------------------------------------------------------------------- comparisons

  function ofEqualLength(columns) {
    const places = new Map();
    columns.forEach((column, j) => {
      if (!places.has(column.length)) places.set(column.length, []);
      places.get(column.length).push(j);
    });
    return [...places.values()];
  }
  function differences(base, run) {
    const found = [];
    base.forEach((other, i) => {
      const own = run[i];
      if (other === null || own === null) return;
      const difference = own - other;
      const rounding = ROUNDING * (Math.abs(own) + Math.abs(other));
      found.push(Math.abs(difference) <= rounding ? 0 : difference);
    });
    return found;
  }

  // The smallest difference that is found with 80 % power at the 5 % level.
  function detectable(values) {
    const middle = mean(values);
    const variance = sum(values.map((value) => (value - middle) ** 2)) / (values.length - 1);
    const quantiles = normalQuantile(0.975) + normalQuantile(0.8);
    return quantiles * Math.sqrt(variance / values.length) || NaN;
  }

  // Per pair of columns run minus base on the prompts that both define (null where undefined).
  // `limits` are per column the least and the greatest value, null where there is none.
  function comparisons(pairs, limits, seeded) {
    const columns = pairs.map(([base, run]) => differences(base, run));
    const found = new Array(pairs.length);
    for (const places of ofEqualLength(columns)) {
      const own = places.map((j) => columns[j]);
      const random = generator(seeded);
      const n = own[0].length;
      const means = n > 1 ? resampledMeans(own, random) : [];
      const p = flipTest(own, random);
      places.forEach((j, i) => {
        const isSame = own[i].every((value) => value === 0) && limits[j];
        const widest = isSame ? [limits[j][0] - limits[j][1], limits[j][1] - limits[j][0]] : null;
        const shown = n ? interval(own[i], means[i], widest)
          : { difference: NaN, low: NaN, high: NaN };
        found[j] = { ...shown, p: p[i], n, detectable: detectable(own[i]) };
      });
    }
    return found;
  }

  // Holm's correction of p-values, NaN where there was no test.
  function holm(p) {
    const order = p.map((_, i) => i).filter((i) => !Number.isNaN(p[i])).sort((a, b) => p[a] - p[b]);
    const adjusted = [...p];
    let least = 0;
    order.forEach((at, k) => {
      least = Math.max(least, p[at] * (order.length - k));
      adjusted[at] = Math.min(least, 1);
    });
    return adjusted;
  }
  return { comparisons, holm };
})();
