SELECT moment("start" - "start" % 86400) d, count(*), sum(packets), sum(bytes) FROM vpc WHERE packets IS NOT NULL AND "start" IS NOT NULL GROUP BY 1 ORDER BY 1
