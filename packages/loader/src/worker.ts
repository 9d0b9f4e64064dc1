import { TsrError } from './error.ts';
import { fetchFile } from './fetch-file.ts';
import { type Answer, type Job, WORKER } from './messages.ts';

/** The same where there is no worker. */
export { fetchFile };

const scope = globalThis as unknown as {
  readonly name?: string;
  onmessage: (event: { readonly data: Job }) => void;
  postMessage(answer: Answer, moved?: readonly ArrayBuffer[]): void;
};

// whoever imports this by itself may be a worker, too: of another kind
if (scope.name === WORKER) {
  scope.onmessage = async ({ data: job }) => {
    const onProgress = (done: number, total: number) => scope.postMessage({ kind: 'progress', done, total });
    try {
      let kind: 'file' | 'refined' = 'file';
      const send = (file: Uint8Array<ArrayBuffer>) => {
        scope.postMessage({ kind, file }, [file.buffer]);
        kind = 'refined';
      };
      const { file, kept } = await fetchFile(job.url, { ...job, onProgress, ...(job.refines && { onFirst: send }) });
      send(file);
      await kept;
      scope.postMessage({ kind: 'over' });
    } catch (error) {
      const { name, message } = error instanceof Error ? error : new Error(String(error));
      scope.postMessage({ kind: 'failed', name, message, ...(error instanceof TsrError && { code: error.code }) });
    }
  };
  scope.postMessage({ kind: 'ready' });
}
