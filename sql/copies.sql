-- title: Copies of objects
-- meaning: objects that the sources have twice: kept, so that their rows are in the lake twice, or left out
-- theme: logs
-- table: lake
-- param: top integer 100: rows at most
-- Copies have the same name in AWS's form and the same size, and equal ETags in the form of an MD5, or they gave the same
-- lines, rows and sums. ETags that differ say nothing: one under a key looks like an MD5 and is none.
WITH named AS (
    SELECT url,
           regexp_replace(url, '^.*/', '')                                             AS name,
           size,
           CASE WHEN regexp_like(version, '^"?[0-9a-fA-F]{32}"?$') THEN version END    AS checksum,
           concat_ws(' ', lines, headers, blanks, rows, rejects, inflated_bytes, sums) AS gave,
           rows,
           plan
    FROM lake.objects
    WHERE outcome = 'converted'
      AND regexp_like(url, '/[0-9]{12}_vpcflowlogs_[^/]+_fl-[^/]+_[0-9]{8}T[0-9]{4}Z_[0-9A-Za-z]+[.]log[.]gz$')
),
repeated AS (
    SELECT name, size
    FROM named
    GROUP BY name, size
    HAVING count(*) > 1
),
candidates AS (
    SELECT named.*
    FROM named
    JOIN repeated ON named.name = repeated.name AND named.size = repeated.size
),
kept AS (
    SELECT again.url                                                               AS object,
           first.url                                                               AS copy_of,
           again.rows                                                              AS rows_twice,
           row_number() OVER (PARTITION BY again.url ORDER BY first.plan, first.url) AS nth
    FROM candidates AS again
    JOIN candidates AS first ON first.name = again.name AND first.size = again.size
    WHERE (first.plan < again.plan OR first.plan = again.plan AND first.url < again.url)
      AND (first.checksum = again.checksum OR first.gave = again.gave)
),
left_out AS (
    SELECT url AS object, reason AS copy_of, row_number() OVER (PARTITION BY url ORDER BY plan DESC) AS nth
    FROM lake.objects
    WHERE outcome = 'copy'
)
SELECT object, copy_of, 'kept' AS became, rows_twice
FROM kept
WHERE nth = 1
UNION ALL
SELECT object, copy_of, 'left out', 0
FROM left_out
WHERE nth = 1 AND object NOT IN (SELECT url FROM named)
ORDER BY became, copy_of, object
LIMIT $top
