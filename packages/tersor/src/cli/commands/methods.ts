import { methodNamed } from '../../core/parse-recipe.ts';
import { DONE } from '../exit-status.ts';
import { methodData, methodPage, methodsScreen } from '../screens/methods-screen.ts';
import type { Shell } from '../shell.ts';

export async function methodsCommand(
  id: string | undefined,
  { json = false }: { readonly json?: boolean },
  { out, methods }: Shell,
): Promise<number> {
  const all = Object.values(methods);
  if (id === undefined) {
    out.write(json ? `${JSON.stringify(all.map(methodData), null, 2)}\n` : methodsScreen(all, out));
    return DONE;
  }
  const method = methodNamed(id, methods, `tersor methods ${id}`);
  out.write(json ? `${JSON.stringify(methodData(method), null, 2)}\n` : methodPage(method, out));
  return DONE;
}
