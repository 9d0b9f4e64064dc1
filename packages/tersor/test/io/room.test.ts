import { tmpdir } from 'node:os';
import { expect, it } from 'vitest';
import { mustHaveRoom } from '../../src/io/node-room.ts';

it('what the disk has no room for is not begun', async () => {
  await mustHaveRoom(tmpdir(), 1000);
  await expect(mustHaveRoom(tmpdir(), 2 ** 52)).rejects.toMatchObject({
    code: 'FILE_WRITE',
    message: expect.stringMatching(/the disk has room for .*B/),
  });
  await mustHaveRoom('no/such/folder', 2 ** 52);
});
