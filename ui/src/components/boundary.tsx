// SPDX-License-Identifier: Apache-2.0
// A page that breaks says so in its own place; the menu and the red button go on working.
import { Component, type ComponentChildren } from "preact";

export class ErrorBoundary extends Component<{ children: ComponentChildren }, { error: unknown }> {
  state = { error: null as unknown };
  static getDerivedStateFromError(error: unknown) {
    return { error };
  }
  render() {
    if (!this.state.error) return this.props.children;
    return (
      <div class="page">
        <h1>This page broke</h1>
        <p class="trouble">{String(this.state.error)}</p>
        <p>Everything else goes on. <button onClick={() => this.setState({ error: null })}>Try again</button></p>
      </div>
    );
  }
}
