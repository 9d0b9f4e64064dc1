import { defineConfig } from 'vite';

export default defineConfig({
  // what Vite bundles ahead loses the way to its worker
  optimizeDeps: { exclude: ['@tersor/loader'] },
  build: { target: 'es2022' },
  // what the examples of this repository share
  server: { fs: { allow: ['..'] } },
});
