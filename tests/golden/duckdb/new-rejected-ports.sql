-- has: 5900 | 6 | rfb
-- lacks: 3389
WITH last_day AS (SELECT max("start") // 86400 * 86400 AS begun FROM vpc),
now AS (SELECT * FROM vpc, last_day WHERE action = 'REJECT' AND "start" >= begun),
earlier AS (SELECT * FROM vpc, last_day WHERE action = 'REJECT' AND "start" < begun AND "start" >= begun - 7 * 86400)
SELECT dstport, protocol, service(dstport, protocol), count(*) n, count(DISTINCT srcaddr), moment(min("start")) FROM now
WHERE (dstport, protocol) NOT IN (SELECT (dstport, protocol) FROM earlier)
GROUP BY dstport, protocol ORDER BY n DESC, dstport, protocol LIMIT 20
