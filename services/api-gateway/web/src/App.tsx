export function App() {
  return <main className="p-6 text-sm" />;
}
