import { busiest, end, wayHome } from './ant-trail';

describe('Ant trail', () => {
  test('an ant that stays at home is at home', () => {
    expect(end('')).toEqual({ east: 0, north: 0 });
  });

  xtest('steps add up', () => {
    expect(end('NNEEEN')).toEqual({ east: 3, north: 3 });
  });

  xtest('opposite steps undo each other', () => {
    expect(end('NWSWEW')).toEqual({ east: -2, north: 0 });
  });

  xtest('the way home is along first', () => {
    expect(wayHome('NNEEEN')).toBe('WWWSSS');
  });

  xtest('the way home from the south-west', () => {
    expect(wayHome('SWSSW')).toBe('EENNN');
  });

  xtest('no way home is needed at home', () => {
    expect(wayHome('NESW')).toBe('');
  });

  xtest('the nest counts as visited', () => {
    expect(busiest('EWEW')).toBe(3);
  });

  xtest('a straight line visits nothing twice', () => {
    expect(busiest('SSSSSS')).toBe(1);
  });

  xtest('what is not a step is refused', () => {
    expect(() => end('NEXT')).toThrow(new Error('Not a step: X'));
  });
});
