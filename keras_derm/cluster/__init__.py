"""Work on many items: in this process, in several of this machine, or on a cluster.

`work.work_on_each` is the one way to do the same to every photograph; where it is done
is chosen around it by `place.on_cluster`. `tf_config` reads which workers train
together.
"""
