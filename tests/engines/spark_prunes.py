"""Shows that Spark reads less than it would have to: folders by date, and pages by their index.

    spark_prunes.py LAKE
"""

import subprocess
import sys

from pyspark.sql import SparkSession

spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
spark.sql(subprocess.check_output(["flowlake", "ddl", sys.argv[1], "--engine", "spark", "--hive"], text=True))
spark.sql("MSCK REPAIR TABLE flow_logs")


def scanned(sql):
    """Rows that left the file scan, before any filter of Spark's own, and the files that were opened."""
    query = spark.sql(sql)
    answer = query.collect()[0][0]
    plan = query._jdf.queryExecution().executedPlan()
    text = plan.toString()
    metrics = {}

    def walk(node):
        for name in ["numOutputRows", "numFiles"]:
            metric = node.metrics().get(name)
            if "Scan" in node.nodeName() and metric.isDefined():
                metrics[name] = metric.get().value()
        if "AdaptiveSparkPlan" in node.nodeName():
            walk(node.executedPlan())
        if "QueryStage" in node.nodeName():
            walk(node.plan())
        children = node.children()
        for index in range(children.size()):
            walk(children.apply(index))

    walk(plan)
    assert metrics, text
    return answer, metrics["numOutputRows"], metrics["numFiles"]


total, all_rows, all_files = scanned("SELECT count(bytes) FROM flow_logs")
dates = [row[0] for row in spark.sql("SELECT DISTINCT date FROM flow_logs").collect()]
_, _, files_of_a_day = scanned(f"SELECT count(bytes) FROM flow_logs WHERE date = '{dates[0]}'")
assert files_of_a_day < all_files, (files_of_a_day, all_files)
middle = spark.sql("SELECT percentile_approx(start, 0.5) FROM flow_logs").collect()[0][0]
window = f"start BETWEEN {middle} AND {middle + 30}"
rows, from_pages, _ = scanned(f"SELECT count(bytes) FROM flow_logs WHERE {window}")
spark.conf.set("spark.sql.parquet.filterPushdown", "false")
same_rows, without, _ = scanned(f"SELECT count(bytes) FROM flow_logs WHERE {window}")
assert rows == same_rows and without == all_rows, (rows, same_rows, without, all_rows)
assert 0 < rows <= from_pages < all_rows / 2, (rows, from_pages, all_rows)
print(f"{all_rows} rows in {all_files} files; half a minute of {rows} rows: {from_pages} rows read")
