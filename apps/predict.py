from keras_derm.jobs import predict
from keras_derm.jobs.command_line import command_line

if __name__ == "__main__":
    command_line(predict, positional=("model", "images"))
