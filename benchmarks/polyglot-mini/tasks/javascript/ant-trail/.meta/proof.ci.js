const STEPS = { N: [0, 1], E: [1, 0], S: [0, -1], W: [-1, 0] };

const squares = (trail) => {
  const visited = [[0, 0]];
  for (const letter of trail) {
    if (!Object.hasOwn(STEPS, letter)) {
      throw new Error(`Not a step: ${letter}`);
    }
    const [x, y] = visited.at(-1);
    visited.push([x + STEPS[letter][0], y + STEPS[letter][1]]);
  }
  return visited;
};

export const end = (trail) => {
  const [east, north] = squares(trail).at(-1);
  return { east, north };
};

export const wayHome = (trail) => {
  const { east, north } = end(trail);
  const along = (east > 0 ? 'W' : 'E').repeat(Math.abs(east));
  return along + (north > 0 ? 'S' : 'N').repeat(Math.abs(north));
};

export const busiest = (trail) => {
  const visits = new Map();
  for (const square of squares(trail)) {
    visits.set(`${square}`, (visits.get(`${square}`) ?? 0) + 1);
  }
  return Math.max(...visits.values());
};
