-- The index for `co` of the attributes that the configuration names, by resource. Its texts stand elsewhere.
CREATE VIRTUAL TABLE trigram USING fts5 (
  keys, content = '', contentless_delete = 1, detail = none, tokenize = 'trigram case_sensitive 1'
);
