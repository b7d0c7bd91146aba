/** The documentation as the server shows it at /docs. */
import type { Article } from './html.ts';
import { type Topic, textOf, topics } from './topics.ts';

const articles = new Map<string, Article>();

export const documentation = {
  get topics(): readonly Topic[] {
    return topics;
  },
  /** The page's Markdown; undefined where there is no such topic. */
  markdown: (name: string) => textOf(name),
  /** The page's HTML; undefined where there is no such topic. */
  async article(name: string): Promise<Article | undefined> {
    const text = textOf(name);
    if (text === undefined) return undefined;
    const known = articles.get(name);
    if (known !== undefined) return known;
    // Loaded on the first request for a page: most servers never get one.
    const { articleOf } = await import('./html.ts');
    const article = articleOf(text);
    articles.set(name, article);
    return article;
  },
};
